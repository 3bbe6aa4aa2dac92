"""Recipes: programs that anyone can rerun to make the training data and networks that the project ships."""
