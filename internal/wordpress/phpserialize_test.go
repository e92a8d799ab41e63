package wordpress

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestUnserialize(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, src string
		want      any
	}{
		{"null", "N;", nil},
		{"false", "b:0;", false},
		{"true", "b:1;", true},
		{"integer", "i:-42;", int64(-42)},
		{"largest integer", "i:9223372036854775807;", int64(math.MaxInt64)},
		{"float", "d:0.1;", 0.1},
		{"float with exponent", "d:1.0E+25;", 1e25},
		{"infinity", "d:-INF;", math.Inf(-1)},
		{"empty string", `s:0:"";`, ""},
		{"length in bytes", `s:4:"дя";`, "дя"},
		{"quotes inside are not escaped", `s:7:"a";i:1;";`, `a";i:1;`},
		{"bytes that are not UTF-8", "s:2:\"\xff\x00\";", "\xff\x00"},
		{"empty array", "a:0:{}", map[string]any{}},
		{"list", `a:2:{i:0;s:1:"a";i:1;b:1;}`, map[string]any{"0": "a", "1": true}},
		{"5 and \"5\" are the same key, the last wins", `a:2:{i:5;i:1;s:1:"5";i:2;}`, map[string]any{"5": int64(2)}},
		{"nested", `a:1:{s:1:"a";a:1:{s:1:"b";N;}}`, map[string]any{"a": map[string]any{"b": nil}}},
		{"blanks around", " \n\x00i:1;\t\x0b", int64(1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := unserialize([]byte(tt.src))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestUnserializeErrors(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("a:1:{i:0;", maxSerializedDepth+1)
	for name, src := range map[string]string{
		"empty":                      "",
		"plain text":                 "hello",
		"object":                     `O:8:"stdClass":0:{}`,
		"custom object":              `C:3:"Foo":2:{{}}`,
		"enum":                       `E:7:"Foo:Bar";`,
		"reference":                  `a:2:{i:0;i:1;i:1;R:2;}`,
		"object reference":           `a:2:{i:0;i:1;i:1;r:2;}`,
		"object deep inside":         `a:1:{i:0;a:1:{i:0;O:8:"stdClass":0:{}}}`,
		"escaped string":             `S:1:"\61";`,
		"boolean out of range":       "b:2;",
		"integer with a fraction":    "i:1.5;",
		"integer too large":          "i:9223372036854775808;",
		"integer unterminated":       "i:1",
		"hexadecimal float":          "d:0x1p4;",
		"float in words":             "d:infinity;",
		"string shorter than length": `s:5:"abc";`,
		"string longer than length":  `s:2:"abc";`,
		"negative string length":     `s:-1:"";`,
		"string length beyond input": `s:2147483647:"a";`,
		"array shorter than length":  "a:2:{i:0;i:1;}",
		"array longer than length":   "a:1:{i:0;i:1;i:1;i:2;}",
		"array of a billion":         "a:1000000000:{}",
		"key that is a boolean":      "a:1:{b:1;i:1;}",
		"data after the value":       "i:1;i:2;",
		"too deep":                   deep + "i:0;" + strings.Repeat("}", maxSerializedDepth+1),
		"too deep and unterminated":  strings.Repeat("a:1:{i:0;", 100_000),
		"too long":                   "s:1:\"" + strings.Repeat("a", maxSerializedBytes),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := unserialize([]byte(src))
			require.ErrorIs(t, err, errSerialized)
			assert.Nil(t, got)
		})
	}
}

func TestUnserializeDoesNotQuoteTheInput(t *testing.T) {
	t.Parallel()
	_, err := unserialize([]byte(`s:99:"a-session-secret";`))
	require.ErrorIs(t, err, errSerialized)
	assert.NotContains(t, err.Error(), "secret")
}

// serialize does the same as PHP's serialize() for the results of unserialize.
func serialize(value any) string {
	switch v := value.(type) {
	case nil:
		return "N;"
	case bool:
		if v {
			return "b:1;"
		}
		return "b:0;"
	case int64:
		return "i:" + strconv.FormatInt(v, 10) + ";"
	case string:
		return "s:" + strconv.Itoa(len(v)) + `:"` + v + `";`
	case float64:
		return "d:" + strings.ToUpper(strings.TrimPrefix(strconv.FormatFloat(v, 'G', -1, 64), "+")) + ";"
	case map[string]any:
		out := "a:" + strconv.Itoa(len(v)) + ":{"
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out += serialize(key) + serialize(v[key])
		}
		return out + "}"
	}
	panic("not a result of unserialize")
}

func TestUnserializeUndoesSerialize(t *testing.T) {
	t.Parallel()
	scalar := rapid.OneOf(
		rapid.Just[any](nil),
		rapid.Map(rapid.Bool(), func(v bool) any { return v }),
		rapid.Map(rapid.Int64(), func(v int64) any { return v }),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(v []byte) any { return string(v) }),
	)
	array := rapid.Map(rapid.MapOf(rapid.String(), scalar), func(v map[string]any) any { return v })
	nested := rapid.Map(rapid.MapOf(rapid.String(), rapid.OneOf(scalar, array)), func(v map[string]any) any { return v })

	rapid.Check(t, func(t *rapid.T) {
		want := rapid.OneOf(scalar, array, nested).Draw(t, "value")
		got, err := unserialize([]byte(serialize(want)))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func FuzzUnserialize(f *testing.F) {
	f.Add([]byte(serializedSession(goldenVerifier, goldenExpiration)))
	f.Add([]byte(`a:1:{i:0;d:1.5E+3;}`))
	f.Add([]byte(`O:8:"stdClass":1:{s:1:"a";R:1;}`))
	f.Add([]byte("a:99999999:{i:0;a:1:{s:2:\"\xff\";N;}}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		value, err := unserialize(src)
		if err != nil {
			require.ErrorIs(t, err, errSerialized)
			require.Nil(t, value)
			return
		}
		require.LessOrEqual(t, contentSize(value), len(src), "the result is not larger than the input")
		again, err := unserialize([]byte(serialize(value)))
		require.NoError(t, err)
		require.Equal(t, serialize(value), serialize(again))
	})
}

// contentSize returns the bytes of all strings in a value, plus one for each
// element.
func contentSize(value any) int {
	switch v := value.(type) {
	case string:
		return len(v)
	case map[string]any:
		sum := 0
		for _, element := range v {
			sum += 1 + contentSize(element)
		}
		return sum
	}
	return 0
}
