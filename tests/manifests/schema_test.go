// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// celBudget is what an API server spends on the rules of one object.
const celBudget = 10_000_000

// definition is one version of one of Flux's kinds, of one release.
type definition struct {
	release, group, version, kind string
	structural                    *schema.Structural
	basic                         validation.SchemaValidator
	rules                         *cel.Validator // nil: there are none
}

func (d *definition) apiVersion() string { return d.group + "/" + d.version }

func (d *definition) String() string {
	return fmt.Sprintf("%s %s (%s)", d.kind, d.apiVersion(), d.release)
}

// definitions are all that testdata/crds has.
func definitions(tb testing.TB) []*definition {
	tb.Helper()
	files, err := filepath.Glob("testdata/crds/*/*.yaml")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no schemas: %v", err)
	}
	var all []*definition
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(data, crd); err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		for i := range crd.Spec.Versions {
			d, err := newDefinition(crd, &crd.Spec.Versions[i])
			if err != nil {
				tb.Fatalf("%s: %v", file, err)
			}
			d.release = filepath.Base(filepath.Dir(file))
			all = append(all, d)
		}
	}
	return all
}

func newDefinition(crd *apiextensionsv1.CustomResourceDefinition, version *apiextensionsv1.CustomResourceDefinitionVersion) (*definition, error) {
	props := &apiextensions.JSONSchemaProps{}
	err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, props, nil)
	if err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(props)
	if err != nil {
		return nil, err
	}
	if errs := schema.ValidateStructural(nil, structural); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	basic, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		return nil, err
	}
	return &definition{
		group: crd.Spec.Group, version: version.Name, kind: crd.Spec.Names.Kind,
		structural: structural, basic: basic, rules: cel.NewValidator(structural, true, celBudget),
	}, nil
}

// check does what an API server does with a created object, in its order, with unknown fields an error as kubectl has it.
func (d *definition) check(ctx context.Context, object map[string]any) field.ErrorList {
	var errs field.ErrorList
	if object["apiVersion"] != d.apiVersion() || object["kind"] != d.kind {
		errs = append(errs, field.Invalid(nil, object["kind"], "of another kind or version"))
	}
	object = runtime.DeepCopyJSON(object)
	unknown := pruning.PruneWithOptions(object, d.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		errs = append(errs, field.Invalid(field.NewPath(path), nil, "unknown field"))
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object, d.structural)
	defaulting.Default(object, d.structural)
	errs = append(errs, checkMetadata(object)...)
	errs = append(errs, validation.ValidateCustomResource(nil, object, d.basic)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, d.structural, object)...)
	if d.rules != nil {
		broken, _ := d.rules.Validate(ctx, nil, d.structural, object, nil, celBudget)
		errs = append(errs, broken...)
	}
	return errs
}

func checkMetadata(object map[string]any) field.ErrorList {
	meta := &metav1.ObjectMeta{}
	written, _ := object["metadata"].(map[string]any)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(written, meta, true); err != nil {
		return field.ErrorList{field.Invalid(field.NewPath("metadata"), written, err.Error())}
	}
	return apivalidation.ValidateObjectMeta(meta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
}
