"""From queries to selections."""
