"""score -> page. Self-contained HTML and plots; knows neither files of images nor torch."""
