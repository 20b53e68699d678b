//! A made-up family: noise, verdicts, correlations, sentences and forms.
