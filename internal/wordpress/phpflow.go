package wordpress

// phpFlow follows the statements and blocks of a token stream, as far as is
// needed to tell what is certain to run.
type phpFlow struct {
	blocks    []phpBlock
	start     int // of the current statement
	parens    int // open parentheses in it
	headerEnd int // index of the parenthesis that closes its condition; 0: none yet
}

type phpBlock struct {
	guard  string // the constant whose absence opens the block; "": any other condition
	parens int    // of the statement around it
	colon  bool   // `if (…): … endif` rather than braces
}

// step takes token i; the statement that i belongs to begins at start.
func (f *phpFlow) step(tokens []token, i int) {
	if i > 0 {
		f.leave(tokens, i-1)
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

// leave ends the statement after token i, if that is where it ends.
func (f *phpFlow) leave(tokens []token, i int) {
	switch t := tokens[i]; {
	case t.punct("{"):
		f.open(tokens, i, false)
	case t.punct("}") && f.parens == 0, t.punct(";") && f.parens == 0:
		f.begin(i + 1)
	case t.punct(":") && f.parens == 0:
		f.colon(tokens, i)
	}
}

// colon opens a block in the alternative syntax, or goes on to its other branch.
func (f *phpFlow) colon(tokens []token, i int) {
	first := tokens[f.start]
	afterHeader := i == f.headerEnd+1
	switch {
	case first.keyword("else") && i == f.start+1, first.keyword("elseif") && afterHeader:
		if n := len(f.blocks); n > 0 {
			f.blocks[n-1].guard = ""
		}
		f.begin(i + 1)
	case first.keyword("if", "while", "for", "foreach", "switch") && afterHeader:
		f.open(tokens, i, true)
	}
}

func (f *phpFlow) open(tokens []token, i int, colon bool) {
	f.blocks = append(f.blocks, phpBlock{guard: guardOf(tokens[f.start:i]), parens: f.parens, colon: colon})
	f.parens = 0
	f.begin(i + 1)
}

// closeBlock ignores an end that does not match, as in a broken file.
func (f *phpFlow) closeBlock(colon bool) {
	n := len(f.blocks)
	if n == 0 || f.blocks[n-1].colon != colon {
		return
	}
	f.parens = f.blocks[n-1].parens
	f.blocks = f.blocks[:n-1]
}

func (f *phpFlow) begin(i int) { f.start, f.headerEnd = i, 0 }

// topLevel reports whether token i begins a statement outside of any block.
func (f *phpFlow) topLevel(i int) bool { return len(f.blocks) == 0 && f.start == i }

// certain reports whether the define at token i is sure to have run, unless its
// constant was defined before.
func (f *phpFlow) certain(tokens []token, i int, name string) bool {
	for _, b := range f.blocks {
		if b.guard != name {
			return false
		}
	}
	prefix := tokens[f.start:i]
	return len(prefix) == 0 || len(prefix) == 1 && prefix[0].punct("@") || guardOf(prefix) == name
}

// guardOf returns NAME of `if (!defined('NAME'))`, `defined('NAME') or` and
// `defined('NAME') ||`, and "" of anything else.
func guardOf(prefix []token) string {
	shape := func(want ...string) bool {
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
	case shape("if", "(", "!", "defined", "(", "NAME", ")", ")"):
		return prefix[5].text
	case shape("defined", "(", "NAME", ")", "or"), shape("defined", "(", "NAME", ")", "|", "|"):
		return prefix[2].text
	}
	return ""
}
