package api_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/api"
)

func document(t *testing.T) (libopenapi.Document, *v3.Document) {
	t.Helper()
	source, err := api.Files.ReadFile("openapi.yaml")
	require.NoError(t, err)
	doc, err := libopenapi.NewDocument(source)
	require.NoError(t, err)
	model, err := doc.BuildV3Model()
	require.NoError(t, err)
	return doc, &model.Model
}

func TestDocumentIsValidOpenAPI(t *testing.T) {
	t.Parallel()
	doc, model := document(t)
	require.Equal(t, "3.1.0", model.Version)

	v, errs := validator.NewValidator(doc)
	require.Empty(t, errs)
	_, findings := v.ValidateDocument()
	assert.Empty(t, messages(findings))
}

func TestDocumentHasAllRoutesAndEvents(t *testing.T) {
	t.Parallel()
	_, model := document(t)

	var routes []string
	for _, op := range operations(model) {
		routes = append(routes, op.where)
	}
	assert.ElementsMatch(t, []string{
		"post /enter", "post /progress", "post /exit", "post /resume", "post /cta", "post /register", "post /form",
		"get /session", "post /attendance", "get /openapi.yaml", "get /player.js",
		"get /player.js.map", "get /player.classic.js", "get /player.classic.js.map", "get /player/vimeo.js",
		"get /player/vimeo.js.map", "get /player/youtube.js", "get /player/youtube.js.map", "get /autowebinar.d.ts",
		"post /users/{user_id}/enter", "post /users/{user_id}/progress", "post /users/{user_id}/exit",
		"post /users/{user_id}/resume", "post /users/{user_id}/cta", "post /users/{user_id}/register",
		"post /users/{user_id}/form", "get /users/{user_id}/session",
		"post client_webinar_registered", "post client_webinar_entered", "post client_webinar_left",
		"post client_webinar_completed", "post client_webinar_form_submitted",
		"post client_webinar_attendance_classified",
	}, routes)
}

func TestEveryOperationHasSummaryAndExamples(t *testing.T) {
	t.Parallel()
	_, model := document(t)
	ids := map[string]bool{}
	for _, op := range operations(model) {
		assert.NotEmpty(t, op.Summary, op.where)
		assert.False(t, ids[op.OperationId], "operationId %q is used twice", op.OperationId)
		ids[op.OperationId] = true
		if op.RequestBody != nil {
			shown := examples(op.RequestBody.Content.GetOrZero("application/json"))
			assert.NotEmpty(t, shown, "%s has no example request", op.where)
		}
		for _, p := range op.Parameters {
			assert.NotNil(t, p.Example, "%s: parameter %s has no example", op.where, p.Name)
		}
		for status, response := range op.Responses.Codes.FromOldest() {
			for mediaType, content := range response.Content.FromOldest() {
				assert.NotEmpty(t, examples(content), "%s %s %s has no example", op.where, status, mediaType)
			}
		}
	}
}

func TestExamplesMatchTheirSchemas(t *testing.T) {
	t.Parallel()
	_, model := document(t)
	checked := 0
	check := func(where string, contents map[string]*v3.MediaType) {
		for mediaType, content := range contents {
			for name, example := range examples(content) {
				assert.Empty(t, violations(t, content.Schema.Schema(), asJSON(t, example)), "%s %s %s", where, mediaType, name)
				checked++
			}
		}
	}
	for _, op := range operations(model) {
		if op.RequestBody != nil {
			check(op.where, contentsOf(op.RequestBody.Content.FromOldest()))
		}
		for status, response := range op.Responses.Codes.FromOldest() {
			check(op.where+" "+status, contentsOf(response.Content.FromOldest()))
		}
		for _, p := range op.Parameters {
			assert.Empty(t, violations(t, p.Schema.Schema(), asJSON(t, p.Example)), "%s: parameter %s", op.where, p.Name)
		}
	}
	for name, header := range model.Components.Headers.FromOldest() {
		assert.Empty(t, violations(t, header.Schema.Schema(), asJSON(t, header.Example)), "header %s", name)
	}
	assert.Greater(t, checked, 200, "most of the document was not visited")
}

func TestSchemasRejectInvalidValues(t *testing.T) {
	t.Parallel()
	_, model := document(t)
	for _, tt := range []struct{ schema, value string }{
		{"EnterRequest", `{}`},
		{"EnterRequest", `{"webinar_id":"Intro"}`},
		{"EnterRequest", `{"webinar_id":""}`},
		{"EnterRequest", `{"webinar_id":"_intro"}`},
		{"ProgressRequest", `{"position_sec":1}`},
		{"ProgressRequest", `{"position_sec":1,"session_id":null}`},
		{"ProgressRequest", `{"position_sec":1,"session_id":""}`},
		{"ProgressRequest", `{"session_id":"a"}`},
		{"ProgressRequest", `{"session_id":"a","position_sec":null}`},
		{"ProgressRequest", `{"session_id":"a","position_sec":-0.5}`},
		{"ProgressRequest", `{"session_id":"a","position_sec":604800.5}`},
		{"ProgressRequest", `{"session_id":"a","position_sec":"1"}`},
		{"ProgressRequest", `{"session_id":"a","position_sec":1,"ended":"yes"}`},
		{"ExitRequest", `{"session_id":"a","leave_reason":"bored"}`},
		{"RegisterRequest", `{"webinar_id":"intro"}`},
		{"RegisterRequest", `{"webinar_id":"intro","source":"a\u0000b"}`},
		{"RegisterRequest", `{"webinar_id":"intro","source":""}`},
		{"FormRequest", `{"webinar_id":"intro","form_id":"f","form_payload":[]}`},
		{"FormRequest", `{"webinar_id":"intro","form_id":"f","form_payload":{},"submission_id":"1"}`},
		{"AttendanceRequest", `{"user_ids":[]}`},
		{"AttendanceRequest", `{"user_ids":[0]}`},
		{"AttendanceRequest", `{"user_ids":[1.5]}`},
		{"AttendanceResult", `{"user_id":1,"result":"classified"}`},
		{"AttendanceResult", `{"user_id":1,"result":"not_entered","attended":false}`},
		{"MissingParams", `{"code":"rest_missing_callback_param","message":"m","data":{"status":400,"params":{}}}`},
		{"InvalidParams", `{"code":"rest_invalid_param","message":"m","data":{"status":400,"params":[]}}`},
		{"SessionMismatch", `{"code":"autowebinar_session_mismatch","message":"m","data":{"status":409}}`},
		{"Internal", `{"code":"autowebinar_internal","message":"m","data":{"status":500,"request_id":"r","sql":"x"}}`},
	} {
		assert.NotEmpty(t, violations(t, schema(t, model, tt.schema), tt.value), "%s accepted %s", tt.schema, tt.value)
	}
}

func TestSchemasAcceptValidValues(t *testing.T) {
	t.Parallel()
	_, model := document(t)
	for _, tt := range []struct{ schema, value string }{
		{"EnterRequest", `{"webinar_id":"42","utm":"x"}`},
		{"ProgressRequest", `{"session_id":null,"webinar_id":"intro","position_sec":0,"duration_sec":null,"seeked":null}`},
		{"ProgressRequest", `{"session_id":"created by PHP","position_sec":604800,"duration_sec":3599.96,"ended":true}`},
		{"ExitRequest", `{"webinar_id":"intro","position_sec":null,"leave_reason":null}`},
		{"ResumeRequest", `{"webinar_id":null}`},
		{"RegisterRequest", `{"webinar_id":"intro","webinar_type":null,"slot_id":null,"source":"рассылка"}`},
		{"FormRequest", `{"session_id":"a","form_id":"f","form_payload":{"deep":[{"a":null}]},"submission_id":null}`},
		{"AttendanceResult", `{"user_id":1,"result":"classified","attended":false}`},
	} {
		assert.Empty(t, violations(t, schema(t, model, tt.schema), tt.value), "%s rejected %s", tt.schema, tt.value)
	}
}

type operation struct {
	*v3.Operation
	where string // "post /enter"
}

// operations returns the operations of all paths and webhooks.
func operations(model *v3.Document) []operation {
	var all []operation
	add := func(path string, item *v3.PathItem) {
		for method, op := range item.GetOperations().FromOldest() {
			all = append(all, operation{Operation: op, where: method + " " + path})
		}
	}
	for path, item := range model.Paths.PathItems.FromOldest() {
		add(path, item)
	}
	for event, item := range model.Webhooks.FromOldest() {
		add(event, item)
	}
	return all
}

func contentsOf(seq func(func(string, *v3.MediaType) bool)) map[string]*v3.MediaType {
	all := map[string]*v3.MediaType{}
	for mediaType, content := range seq {
		all[mediaType] = content
	}
	return all
}

// examples returns the examples of a media type by name; a single one is named "".
func examples(content *v3.MediaType) map[string]node {
	all := map[string]node{}
	if content == nil {
		return all
	}
	if content.Example != nil {
		all[""] = content.Example
	}
	for name, example := range content.Examples.FromOldest() {
		all[name] = example.Value
	}
	return all
}

func schema(t *testing.T, model *v3.Document, name string) *base.Schema {
	t.Helper()
	proxy, ok := model.Components.Schemas.Get(name)
	require.True(t, ok, name)
	return proxy.Schema()
}

// node is a part of the document that can be decoded, such as a yaml.Node.
type node interface{ Decode(into any) error }

// asJSON encodes a part of the document as JSON.
func asJSON(t *testing.T, n node) string {
	t.Helper()
	var decoded any
	require.NoError(t, n.Decode(&decoded))
	encoded, err := json.Marshal(decoded)
	require.NoError(t, err)
	return string(encoded)
}

// violations validates a JSON text and returns the errors.
func violations(t *testing.T, schema *base.Schema, text string) []string {
	t.Helper()
	v := schema_validation.NewSchemaValidator(config.WithFormatAssertions())
	_, findings := v.ValidateSchemaString(schema, text)
	return messages(findings)
}

func messages(findings []*errors.ValidationError) []string {
	var all []string
	for _, f := range findings {
		all = append(all, fmt.Sprint(f))
	}
	return all
}
