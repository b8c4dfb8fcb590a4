"""Small models made by today's TFLiteConverter, for the tests."""
