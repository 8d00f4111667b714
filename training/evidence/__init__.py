"""What is measured about a published graph, a method to a file."""
