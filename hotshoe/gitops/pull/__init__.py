"""Pull mode: a box fetches the repository of the homes, verifies it, deploys it, and goes back."""
