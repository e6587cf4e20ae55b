"""The outside: the FastAPI app, the command line and the web page. The only room that knows FastAPI."""
