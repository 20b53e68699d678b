//! The command line over engine and report.
