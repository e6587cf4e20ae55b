"""How fast vectors are searched, and how many of the nearest are found, by each way of searching and by peers."""
