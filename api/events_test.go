package api_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi/datamodel/high/base"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/api"
)

// shape contains the keywords that must agree between the two schemas of an event:
// the one in the OpenAPI document and the file. Order does not matter.
type shape struct {
	Closed     bool // no other properties
	Required   []string
	Enum       []string // const becomes an enum with one value
	Properties map[string]shape
}

// fileSchema is the part of JSON Schema that the events' files use.
type fileSchema struct {
	Required             []string              `json:"required"`
	Const                *string               `json:"const"`
	Enum                 []string              `json:"enum"`
	AdditionalProperties *bool                 `json:"additionalProperties"`
	Properties           map[string]fileSchema `json:"properties"`
}

func (s fileSchema) shape() shape {
	out := shape{
		Closed:     s.AdditionalProperties != nil && !*s.AdditionalProperties,
		Required:   slices.Sorted(slices.Values(s.Required)),
		Enum:       slices.Sorted(slices.Values(s.Enum)),
		Properties: map[string]shape{},
	}
	if s.Const != nil {
		out.Enum = []string{*s.Const}
	}
	for name, property := range s.Properties {
		out.Properties[name] = property.shape()
	}
	return out
}

func documentShape(s *base.Schema) shape {
	out := shape{
		Closed:     s.AdditionalProperties != nil && s.AdditionalProperties.IsB() && !s.AdditionalProperties.B,
		Required:   slices.Sorted(slices.Values(s.Required)),
		Properties: map[string]shape{},
	}
	if s.Const != nil {
		out.Enum = []string{s.Const.Value}
	}
	for _, option := range s.Enum {
		out.Enum = append(out.Enum, option.Value)
	}
	slices.Sort(out.Enum)
	for name, property := range s.Properties.FromOldest() {
		out.Properties[name] = documentShape(property.Schema())
	}
	return out
}

// eventSchemas returns the request schemas of the document's webhooks by event.
func eventSchemas(t *testing.T) map[string]*base.Schema {
	t.Helper()
	_, model := document(t)
	all := map[string]*base.Schema{}
	for event, item := range model.Webhooks.FromOldest() {
		all[event] = item.Post.RequestBody.Content.GetOrZero("application/json").Schema.Schema()
	}
	return all
}

func readEvent(t *testing.T, event, kind string) []byte {
	t.Helper()
	content, err := api.Files.ReadFile("events/" + event + "." + kind + ".json")
	require.NoError(t, err)
	return content
}

func TestEveryEventHasASchemaFile(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(api.Files, "events/*.schema.json")
	require.NoError(t, err)
	var events []string
	for _, file := range files {
		events = append(events, strings.TrimSuffix(strings.TrimPrefix(file, "events/"), ".schema.json"))
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(eventSchemas(t))), events)
}

func TestSchemaFilesAgreeWithDocument(t *testing.T) {
	t.Parallel()
	for event, schema := range eventSchemas(t) {
		var file fileSchema
		require.NoError(t, json.Unmarshal(readEvent(t, event, "schema"), &file), event)
		assert.Equal(t, file.shape(), documentShape(schema), event)
		assert.Empty(t, violations(t, schema, string(readEvent(t, event, "example"))), event)
	}
}

func TestDocumentExamplesMatchSchemaFiles(t *testing.T) {
	t.Parallel()
	_, model := document(t)
	for event, item := range model.Webhooks.FromOldest() {
		source, err := jsonschema.UnmarshalJSON(bytes.NewReader(readEvent(t, event, "schema")))
		require.NoError(t, err, event)
		compiler := jsonschema.NewCompiler()
		require.NoError(t, compiler.AddResource("event.json", source), event)
		schema, err := compiler.Compile("event.json")
		require.NoError(t, err, event)
		for name, example := range examples(item.Post.RequestBody.Content.GetOrZero("application/json")) {
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(asJSON(t, example)))
			require.NoError(t, err, event)
			assert.NoError(t, schema.Validate(value), "%s %s", event, name)
		}
	}
}
