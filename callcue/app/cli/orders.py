"""The shop's orders: import from CSV, look-up."""

from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callcue.app.cli.common import AsJson, console, emit, quiet_logs, run, settings
from callcue.core.errors import BadInput, NotFound

if TYPE_CHECKING:
    from callcue.core.orders import Order
    from callcue.infra.orders import OrderPlan

PAUSE_S = 0.02
"""Between two batches: a service that writes at the same time looks again within so short a time."""

app = typer.Typer(help="Orders, to check what callers say. 订单核对。", no_args_is_help=True)


@app.command("import")
def import_orders(
    file: Annotated[
        Path, typer.Argument(help="CSV (UTF-8) with order_no, ordered_on, phone, products, amount, status.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add and change orders. A file with a mistake is refused whole; an import that is cut off is repeated. A running
    service finds them at once, and learns how their numbers look when it starts anew."""
    from callcue.infra.order_form import MOST_SHOWN, read_orders

    quiet_logs()
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error
    orders, problems = read_orders(data)
    if problems:
        rows = "\n".join(f"  line {problem.line}: {problem.message}" for problem in problems[:MOST_SHOWN])
        more = f"\n  … and {len(problems) - MOST_SHOWN} more" if len(problems) > MOST_SHOWN else ""
        raise BadInput(f"{file.name} has {len(problems)} problem(s); nothing was imported:\n{rows}{more}")
    plan = run(_import(orders, dry_run))
    if as_json:
        counts = {"added": len(plan.added), "changed": len(plan.changed), "unchanged": plan.unchanged}
        emit({**counts, "dry_run": dry_run})
        return
    would = "would be " if dry_run else ""
    console().print(f"{len(plan.added)} {would}added, {len(plan.changed)} {would}changed, {plan.unchanged} unchanged")


async def _import(orders: "list[Order]", dry_run: bool) -> "OrderPlan":
    from callcue.app.storage import open_storage

    async with AsyncExitStack() as stack:
        storage = await open_storage(settings(), stack)
        return await storage.orders.import_orders(orders, dry_run=dry_run, pause_s=PAUSE_S)


@app.command("show")
def show_order(number: Annotated[str, typer.Argument(help="An order number.")], as_json: AsJson = False) -> None:
    """Look an order up as a call does: among those imported, then at the shop's interface."""
    from callcue.infra.order_form import order_number

    quiet_logs()
    order = run(_look_up(order_number(number)))
    if order is None:
        raise NotFound(f"there is no order {number}")
    if as_json:
        emit(asdict(order))
        return
    for name, value in asdict(order).items():
        console().print(f"{name}: {'; '.join(value) if isinstance(value, tuple) else value or '–'}")


async def _look_up(number: str) -> "Order | None":
    from callcue.app.orders import rest_orders
    from callcue.app.storage import open_storage
    from callcue.core.clock import SystemClock
    from callcue.infra.orders import OrderFeed

    async with AsyncExitStack() as stack:
        chosen = settings()
        storage = await open_storage(chosen, stack)
        rest = rest_orders(chosen.orders, SystemClock())
        return await OrderFeed(storage.orders, *([rest] if rest else [])).by_number(number)
