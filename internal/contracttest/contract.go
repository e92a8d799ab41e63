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

// contract is the parsed and compiled document. It is safe for concurrent use.
type contract struct {
	validator validator.Validator
	model     *v3.Document
	noRoute   *v3.Response
	schemas   schema_validation.SchemaValidator
	coverage  coverage
}

// loadContract parses the embedded document once per process, because compiling
// it is much slower than a check.
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
	// Security requirements are not validated, because a test's transport may add
	// the credentials after this check.
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
