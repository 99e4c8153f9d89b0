"""Infrastructure: the database and what is stored in it, the event bus, authentication, metrics, logging."""
