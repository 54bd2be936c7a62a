"""The record of a drill and its reports; docs/reference/record.md describes the record."""
