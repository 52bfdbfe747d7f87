"""What writes the documentation's pages from the code and the configuration they speak of."""
