"""Long measurements, run by hand: what each costs and what it wrote stands in docs/studies.md."""
