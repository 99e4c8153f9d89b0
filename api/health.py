"""Liveness, readiness, metrics, and the page of the first desk."""

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.auth import needs, permitted
from api.calls import Parts
from api.wire import HealthView, ReadyView
from callcue.core.errors import CallCueError
from callcue.infra.auth import Principal

router = APIRouter(tags=["service"])

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_STATIC = {
    "desk.html": "text/html; charset=utf-8",
    "desk.js": "text/javascript; charset=utf-8",
    "desk_flow.js": "text/javascript; charset=utf-8",
    "desk_facts.js": "text/javascript; charset=utf-8",
    "desk_summary.js": "text/javascript; charset=utf-8",
    "desk_feelings.js": "text/javascript; charset=utf-8",
    "desk_record.js": "text/javascript; charset=utf-8",
    "desk.css": "text/css; charset=utf-8",
    "desk.svg": "image/svg+xml",
}


@router.get("/healthz")
async def healthz() -> HealthView:
    """The process answers."""
    return HealthView()


@router.get("/readyz", responses={503: {"model": ReadyView}})
async def readyz(request: Request, parts: Parts, response: Response) -> ReadyView:
    """Whether calls would be served: 503 until every part is ready. Reasons are told to holders of a token only."""
    components = parts.ready()
    ready = all(state == "ok" for state in components.values())
    if not ready:
        response.status_code = 503
    try:
        permitted(request, parts, "metrics.read")
    except CallCueError:
        components = {name: "ok" if state == "ok" else "not ready" for name, state in components.items()}
    return ReadyView(ready=ready, components=components)


@router.get("/metrics", response_class=Response)
async def metrics(_principal: Annotated[Principal, Depends(needs("metrics.read"))], parts: Parts) -> Response:
    """Prometheus metrics."""
    return Response(parts.metrics.render(), headers={"Content-Type": parts.metrics.content_type})


@router.get("/", include_in_schema=False)
async def desk() -> Response:
    """The first desk: a page that shows live calls. It holds no data; what it shows it fetches with the token."""
    return _static("desk.html")


@router.get("/desk.js", include_in_schema=False)
async def desk_script() -> Response:
    """The desk's script."""
    return _static("desk.js")


@router.get("/desk_summary.js", include_in_schema=False)
async def desk_summary_script() -> Response:
    """The part of the desk's script that shows summaries."""
    return _static("desk_summary.js")


@router.get("/desk_flow.js", include_in_schema=False)
async def desk_flow_script() -> Response:
    """The desk's flows."""
    return _static("desk_flow.js")


@router.get("/desk_facts.js", include_in_schema=False)
async def desk_facts_script() -> Response:
    """The desk's facts and orders."""
    return _static("desk_facts.js")


@router.get("/desk_feelings.js", include_in_schema=False)
async def desk_feelings_script() -> Response:
    """The desk's curves of moods."""
    return _static("desk_feelings.js")


@router.get("/desk_record.js", include_in_schema=False)
async def desk_record_script() -> Response:
    """The desk's record."""
    return _static("desk_record.js")


@router.get("/desk.css", include_in_schema=False)
async def desk_style() -> Response:
    """The desk's style."""
    return _static("desk.css")


@router.get("/desk.svg", include_in_schema=False)
async def desk_icon() -> Response:
    """The desk's icon."""
    return _static("desk.svg")


def _static(name: str) -> Response:
    data = (files("api") / "static" / name).read_bytes()
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
    return Response(data, media_type=_STATIC[name], headers=headers)
