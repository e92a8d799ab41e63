package wordpress

// phpFlow tracks statements and blocks in a token stream, to find out which
// definitions run unconditionally.
type phpFlow struct {
	blocks    []phpBlock
	start     int // index of the first token of the current statement
	parens    int // open parentheses in it
	headerEnd int // index of the parenthesis that closes its condition; 0 before that
}

type phpBlock struct {
	guard  string // NAME if the condition is !defined('NAME'), else empty
	parens int    // open parentheses of the surrounding statement
	colon  bool   // `if (…): … endif` instead of braces
}

// advance processes token i. Afterwards start is the statement that i belongs to.
func (f *phpFlow) advance(tokens []token, i int) {
	if i > 0 {
		f.endStatement(tokens, i-1)
	}
	switch t := tokens[i]; {
	case t.punct("("):
		f.parens++
	case t.punct(")"):
		f.parens = max(0, f.parens-1)
		if f.parens == 0 && f.headerEnd == 0 {
			f.headerEnd = i
		}
	case t.punct("}"):
		f.closeBlock(false)
	case i == f.start && t.keyword("endif", "endwhile", "endfor", "endforeach", "endswitch"):
		f.closeBlock(true)
	}
}

// endStatement ends the current statement if token i is its last one.
func (f *phpFlow) endStatement(tokens []token, i int) {
	switch t := tokens[i]; {
	case t.punct("{"):
		f.openBlock(tokens, i, false)
	case t.punct("}") && f.parens == 0, t.punct(";") && f.parens == 0:
		f.startStatement(i + 1)
	case t.punct(":") && f.parens == 0:
		f.handleColon(tokens, i)
	}
}

// handleColon opens a block in the alternative syntax, or its next branch.
func (f *phpFlow) handleColon(tokens []token, i int) {
	first := tokens[f.start]
	afterHeader := i == f.headerEnd+1
	switch {
	case first.keyword("else") && i == f.start+1, first.keyword("elseif") && afterHeader:
		if n := len(f.blocks); n > 0 {
			f.blocks[n-1].guard = ""
		}
		f.startStatement(i + 1)
	case first.keyword("if", "while", "for", "foreach", "switch") && afterHeader:
		f.openBlock(tokens, i, true)
	}
}

func (f *phpFlow) openBlock(tokens []token, i int, colon bool) {
	f.blocks = append(f.blocks, phpBlock{guard: guardOf(tokens[f.start:i]), parens: f.parens, colon: colon})
	f.parens = 0
	f.startStatement(i + 1)
}

// closeBlock ignores an end that does not match the open block.
func (f *phpFlow) closeBlock(colon bool) {
	n := len(f.blocks)
	if n == 0 || f.blocks[n-1].colon != colon {
		return
	}
	f.parens = f.blocks[n-1].parens
	f.blocks = f.blocks[:n-1]
}

func (f *phpFlow) startStatement(i int) { f.start, f.headerEnd = i, 0 }

// isTopLevelStatement reports whether token i starts a statement outside all
// blocks.
func (f *phpFlow) isTopLevelStatement(i int) bool { return len(f.blocks) == 0 && f.start == i }

// isUnconditional reports whether the define at token i runs whenever its
// constant is not defined yet.
func (f *phpFlow) isUnconditional(tokens []token, i int, name string) bool {
	for _, b := range f.blocks {
		if b.guard != name {
			return false
		}
	}
	prefix := tokens[f.start:i]
	return len(prefix) == 0 || len(prefix) == 1 && prefix[0].punct("@") || guardOf(prefix) == name
}

// guardOf returns NAME if prefix is `if (!defined('NAME'))`, `defined('NAME') or`
// or `defined('NAME') ||`, else "".
func guardOf(prefix []token) string {
	matches := func(want ...string) bool {
		if len(prefix) != len(want) {
			return false
		}
		for i, text := range want {
			t := prefix[i]
			if text == "NAME" && t.kind == tokenString || t.punct(text) || t.keyword(text) {
				continue
			}
			return false
		}
		return true
	}
	switch {
	case matches("if", "(", "!", "defined", "(", "NAME", ")", ")"):
		return prefix[5].text
	case matches("defined", "(", "NAME", ")", "or"), matches("defined", "(", "NAME", ")", "|", "|"):
		return prefix[2].text
	}
	return ""
}
