"""Exact Euclidean distance transforms."""
