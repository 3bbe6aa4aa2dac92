"""Recipes: programs that anyone can rerun to make the training data and the networks that the project ships."""
