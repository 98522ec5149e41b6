"""Two papers' measurements beside the model's: data, panels, comparison, score, pages."""
