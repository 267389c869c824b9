package quantity

// unmarshal sets q to what parse makes of text; the empty text is the zero
// value.
func unmarshal[T any](q *T, text []byte, parse func(string) (T, error)) error {
	if len(text) == 0 {
		var zero T
		*q = zero
		return nil
	}
	v, err := parse(string(text))
	if err != nil {
		return err
	}
	*q = v
	return nil
}

// didYouMean ends an error's text with the literal that was probably meant.
func didYouMean(literal string) string {
	if literal == "" {
		return ""
	}
	return "; did you mean " + literal + "?"
}
