"""Words to tokens: chat template, tokenizer."""
