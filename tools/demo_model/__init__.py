"""The demo models of Pippin: synthetic dialogues, a tokenizer, training, export and evaluation."""
