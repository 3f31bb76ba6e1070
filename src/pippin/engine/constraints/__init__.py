"""Forms of answers, enforced: constraints become grammars, grammars become masks."""
