"""What a person sees and keeps: run folders, tables, figures, reports."""
