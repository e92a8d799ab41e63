package packaging

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The tested parts of the manifests.
type (
	resource struct {
		Kind     string
		Metadata struct {
			Name        string
			Labels      map[string]string
			Annotations map[string]string
		}
		StringData map[string]string
		Data       map[string]string
		Spec       json.RawMessage
	}
	deployment struct {
		Replicas int
		Selector selector
		Template struct {
			Metadata struct{ Labels, Annotations map[string]string }
			Spec     pod
		}
	}
	selector struct {
		MatchLabels map[string]string
	}
	pod struct {
		Grace           int `json:"terminationGracePeriodSeconds"`
		SecurityContext struct {
			RunAsNonRoot bool
			RunAsUser    int64
		}
		Containers []podContainer
	}
	podContainer struct {
		EnvFrom []struct {
			ConfigMapRef, SecretRef struct{ Name string }
		}
		Ports []struct {
			Name          string
			ContainerPort int
		}
		StartupProbe, LivenessProbe, ReadinessProbe struct {
			HTTPGet struct{ Path, Port string }
		}
		Lifecycle struct {
			PreStop struct{ Sleep struct{ Seconds int } }
		}
		SecurityContext struct {
			Escalation   *bool `json:"allowPrivilegeEscalation"`
			ReadOnly     bool  `json:"readOnlyRootFilesystem"`
			Capabilities struct{ Drop []string }
		}
	}
)

func manifests(t testing.TB) map[string]resource {
	t.Helper()
	all := map[string]resource{}
	for decoder := yaml.NewDecoder(strings.NewReader(read(t, "deploy/kubernetes.yaml"))); ; {
		var document any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		text, err := json.Marshal(document)
		require.NoError(t, err)
		r := decode[resource](t, text)
		assert.Equal(t, "autowebinar", r.Metadata.Name)
		assert.NotContains(t, all, r.Kind)
		all[r.Kind] = r
	}
}

func spec[T any](t testing.TB, r resource) (v T) {
	t.Helper()
	return decode[T](t, r.Spec)
}

func TestKubernetesDeployment(t *testing.T) {
	t.Parallel()
	all := manifests(t)
	d := spec[deployment](t, all["Deployment"])
	labels := d.Template.Metadata.Labels
	assert.GreaterOrEqual(t, d.Replicas, 2)
	assert.Equal(t, labels, d.Selector.MatchLabels)

	require.Len(t, d.Template.Spec.Containers, 1)
	c := d.Template.Spec.Containers[0]
	ports := map[string]string{}
	for _, port := range c.Ports {
		ports[port.Name] = strconv.Itoa(port.ContainerPort)
	}
	// The probes of the kubelet need an admin address that is not the loopback.
	assert.Equal(t, ":"+ports["admin"], all["ConfigMap"].Data["AUTOWEBINAR_ADMIN_LISTEN"])
	assert.Equal(t, ports["admin"], d.Template.Metadata.Annotations["prometheus.io/port"])
	assert.Equal(t, "8080", ports["http"])
	for path, probe := range map[string]struct{ Path, Port string }{"/healthz": c.LivenessProbe.HTTPGet, "/readyz": c.ReadinessProbe.HTTPGet} {
		assert.Equal(t, path, probe.Path)
		assert.Equal(t, "admin", probe.Port)
	}
	assert.Equal(t, c.LivenessProbe.HTTPGet, c.StartupProbe.HTTPGet)
	assert.GreaterOrEqual(t, d.Template.Spec.Grace, c.Lifecycle.PreStop.Sleep.Seconds+10+5, "shutdown takes up to ten seconds")

	assert.True(t, d.Template.Spec.SecurityContext.RunAsNonRoot)
	assert.EqualValues(t, 65532, d.Template.Spec.SecurityContext.RunAsUser)
	assert.True(t, c.SecurityContext.ReadOnly)
	require.NotNil(t, c.SecurityContext.Escalation)
	assert.False(t, *c.SecurityContext.Escalation)
	assert.Equal(t, []string{"ALL"}, c.SecurityContext.Capabilities.Drop)

	service := spec[struct {
		Selector map[string]string
		Ports    []struct{ Name, TargetPort string }
	}](t, all["Service"])
	assert.Equal(t, labels, service.Selector)
	budget := spec[struct {
		MaxUnavailable int
		Selector       selector
	}](t, all["PodDisruptionBudget"])
	assert.Equal(t, labels, budget.Selector.MatchLabels)
	assert.Less(t, budget.MaxUnavailable, d.Replicas)
	policy := spec[struct {
		PodSelector selector
		Ingress     []struct {
			From  []any
			Ports []struct{ Port string }
		}
	}](t, all["NetworkPolicy"])
	assert.Equal(t, labels, policy.PodSelector.MatchLabels)
	for _, rule := range policy.Ingress {
		for _, port := range rule.Ports {
			assert.True(t, port.Port == "http" || len(rule.From) > 0, "%s is open to all", port.Port)
		}
	}
}

func TestKubernetesConfiguresService(t *testing.T) {
	t.Parallel()
	all := manifests(t)
	settings := maps.Clone(all["ConfigMap"].Data)
	_, site := newSecrets(t) // replaces the placeholders
	for name := range all["Secret"].StringData {
		settings[name] = "a password of this site"
		if value, ok := site[name]; ok {
			settings[name] = value
		}
	}
	settings["AUTOWEBINAR_SERVICE_KEYS"] = "0123456789abcdef"
	// Kubernetes sets these for the Service of this name.
	settings["AUTOWEBINAR_SERVICE_HOST"], settings["AUTOWEBINAR_PORT"] = "10.0.0.9", "tcp://10.0.0.9:8080"
	var environ []string
	for name, value := range settings {
		environ = append(environ, name+"="+value)
	}
	assert.Len(t, loadConfig(t, environ).Salts, 8)
	for _, from := range spec[deployment](t, all["Deployment"]).Template.Spec.Containers[0].EnvFrom {
		assert.Equal(t, "autowebinar", from.ConfigMapRef.Name+from.SecretRef.Name)
	}
	for name, value := range all["Secret"].StringData {
		assert.Regexp(t, `^<.*>$`, value, "%s: the example contains no secret", name)
	}
}
