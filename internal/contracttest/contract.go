package contracttest

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"autowebinar/api"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/cache"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// contract is the document, parsed and compiled. It is safe for use by many
// tests at once.
type contract struct {
	validator validator.Validator
	model     *v3.Document
	noRoute   *v3.Response
	schemas   schema_validation.SchemaValidator
	coverage  coverage
}

// loadContract parses the embedded document once in a process: compiling it is
// far slower than any check.
var loadContract = sync.OnceValues(func() (*contract, error) {
	source, err := api.Files.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	return newContract(source)
})

func newContract(source []byte) (*contract, error) {
	document, err := libopenapi.NewDocument(source)
	if err != nil {
		return nil, fmt.Errorf("parse openapi.yaml: %w", err)
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	// Who may do what is the tests' own matter: an identity may be put in
	// beneath the client.
	options := []config.Option{
		config.WithFormatAssertions(),
		config.WithoutSecurityValidation(),
		config.WithSchemaCache(cache.NewDefaultCache()),
	}
	v, errs := validator.NewValidator(document, options...)
	if len(errs) > 0 {
		return nil, fmt.Errorf("compile openapi.yaml: %w", errs[0])
	}
	noRoute, ok := model.Model.Components.Responses.Get("NoRoute")
	if !ok {
		return nil, errors.New("openapi.yaml has no response NoRoute")
	}
	schemas := schema_validation.NewSchemaValidatorWithLogger(slog.New(slog.DiscardHandler), options...)
	return &contract{validator: v, model: &model.Model, noRoute: noRoute, schemas: schemas}, nil
}
