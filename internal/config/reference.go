package config

import (
	"fmt"
	"io"
	"strings"
)

// Reference writes a Markdown table of all settings with their defaults and
// descriptions. Secrets are marked.
func Reference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| Variable | Default | Description |\n| --- | --- | --- |\n")
	for _, v := range variables() {
		doc := v.doc
		if v.secret {
			doc += " *Secret.*"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.name, v.defaultCell(), strings.ReplaceAll(doc, "|", `\|`))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (v variable) defaultCell() string {
	switch {
	case v.defaultText != "":
		return v.defaultText
	case v.def != "":
		return "`" + v.def + "`"
	}
	return ""
}
