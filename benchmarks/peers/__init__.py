"""The servers Wardrobe is measured against, each as its own documentation recommends."""
