"""Tokens to words: detokenizer, stops."""
