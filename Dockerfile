# SPDX-License-Identifier: Apache-2.0
# One image is the KRM function (no arguments) and the release Job (arguments: rollout run ...).
#
# Both bases can be replaced. Any base will do for the second one, also an empty one: the binary is static, and the
# certificates that checks over HTTPS need come along.
ARG BUILD_IMAGE=golang:1.26
ARG BASE_IMAGE=scratch

FROM --platform=${BUILDPLATFORM} ${BUILD_IMAGE} AS build
WORKDIR /src
# The modules are a layer of their own: it changes only with go.mod.
COPY go.mod go.sum ./
RUN go mod download
# With .git, so that the binary knows its version.
COPY . .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -ldflags "-s -w" -o /slipway ./cmd/slipway

FROM ${BASE_IMAGE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /slipway /slipway
# A number, so that runAsNonRoot can be checked without a user database.
USER 65532:65532
ENTRYPOINT ["/slipway"]
CMD ["fn"]
