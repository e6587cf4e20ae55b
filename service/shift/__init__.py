"""How far queries lie from a pool, for the page, REST and the command line."""
