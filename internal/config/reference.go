package config

import (
	"fmt"
	"io"
	"strings"
)

// Reference writes every setting as a Markdown table: name, default, and what
// it is, secrets marked as such.
func Reference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| variable | default | what it is |\n| --- | --- | --- |\n")
	for _, v := range variables() {
		doc := v.doc
		if v.secret {
			doc += " *Secret.*"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.name, v.shownDefault(), strings.ReplaceAll(doc, "|", `\|`))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (v variable) shownDefault() string {
	switch {
	case v.defaultText != "":
		return v.defaultText
	case v.def != "":
		return "`" + v.def + "`"
	}
	return ""
}
