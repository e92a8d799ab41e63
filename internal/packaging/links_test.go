package packaging

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// markdownFiles returns the paths of all documents, relative to the repository.
func markdownFiles(t testing.TB) (names []string) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains([]string{".git", "node_modules", "dist", "testdata"}, entry.Name()) {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			names = append(names, name)
		}
		return err
	}))
	require.Contains(t, names, "README.md")
	return names
}

var (
	fencedCode = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```")
	inlineCode = regexp.MustCompile("`[^`\n]+`")
	// The target of [text](target), of an image and of "[label]: target".
	linkTarget = regexp.MustCompile(`(?m)\]\(<?([^()<>\s]+)>?(?:\s+"[^"]*")?\)|^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?\s*$`)
	heading    = regexp.MustCompile(`(?m)^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$`)
	htmlAnchor = regexp.MustCompile(`<\w+[^>]*\s(?:id|name)="([^"]+)"`)
)

// anchors returns the anchors of a document as GitHub generates them.
func anchors(text string) map[string]bool {
	text = fencedCode.ReplaceAllString(text, "")
	found := map[string]bool{}
	for _, m := range htmlAnchor.FindAllStringSubmatch(text, -1) {
		found[m[1]] = true
	}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		title := regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(m[1], "$1")
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, title)
		anchor := slug
		for n := 1; found[anchor]; n++ {
			anchor = slug + "-" + strconv.Itoa(n)
		}
		found[anchor] = true
	}
	return found
}

// brokenLinks returns the relative links of a document whose target does not
// exist.
func brokenLinks(t testing.TB, name string) (broken []string) {
	t.Helper()
	text := fencedCode.ReplaceAllString(read(t, name), "")
	text = inlineCode.ReplaceAllString(text, "code")
	for _, m := range linkTarget.FindAllStringSubmatch(text, -1) {
		link := m[1] + m[2]
		u, err := url.Parse(link)
		if err != nil {
			broken = append(broken, link)
			continue
		}
		if u.Scheme != "" || u.Host != "" {
			continue
		}
		target := name
		if u.Path != "" {
			target = path.Join(path.Dir(name), u.Path)
		}
		info, err := os.Stat(filepath.Join(root, target))
		if err != nil || u.Fragment != "" && (info.IsDir() || !anchors(read(t, target))[u.Fragment]) {
			broken = append(broken, link)
		}
	}
	return broken
}

func TestRelativeLinksResolve(t *testing.T) {
	t.Parallel()
	for _, name := range markdownFiles(t) {
		assert.Empty(t, brokenLinks(t, name), name)
	}
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	text := "# One `two`: three!\n## A_b – c\n```sh\n# no heading\n```\n## One two: three\n<a id=\"own\"></a>\n### [Link](x.md) here ##\n"
	assert.Equal(t, map[string]bool{"one-two-three": true, "a_b--c": true, "one-two-three-1": true, "own": true, "link-here": true}, anchors(text))
}
