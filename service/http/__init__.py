"""What a request and an answer look like on the wire: bodies, problems, OpenAPI, limits."""
