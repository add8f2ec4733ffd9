// SPDX-License-Identifier: Apache-2.0

// Package argocd is a config management plugin of Argo CD: an application becomes a request of render.
//
// Argo CD's server starts the plugin in the folder of an application and hands parameters over in variables. Who writes an
// application is trusted less than who runs the server: parameters of an application reach no file outside its repository.
// What the server shows to people is made brief and holds no secret (message.go).
package argocd
