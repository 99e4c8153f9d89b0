"""Text in, need out: normalisation, trigger words, query building, and when a card is shown."""
