"""One call from its first byte to its closed record: the stages of the layer below, wired together."""
