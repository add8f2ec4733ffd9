# SPDX-License-Identifier: Apache-2.0
# One image is the KRM function (no arguments) and the release Job (arguments: rollout run ...).
#
# Both bases can be replaced. The first one has a digest, because a tag can be moved. Any base will do for the second one, also
# an empty one: the binary is static, and the certificates that checks over HTTPS need come along.
ARG BUILD_IMAGE=golang:1.26.8@sha256:6c2a5538f964f1c82f97ad14988bf05de100d922d159d0e398b54c7b0ca0c6c9
ARG BASE_IMAGE=scratch

# The compiler runs where the build runs and compiles for where the image will run.
FROM --platform=${BUILDPLATFORM} ${BUILD_IMAGE} AS build
WORKDIR /src
# The modules are a layer of their own: it changes only with go.mod.
COPY go.mod go.sum ./
RUN go mod download
# With .git, so that the binary knows its version.
COPY . .
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -ldflags "-s -w -funcalign=16" `cat .ci/gcflags` -o /slipway ./cmd/slipway

FROM ${BASE_IMAGE}
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="slipway" \
      org.opencontainers.image.description="Injects SidecarSets into rendered manifests, and releases CloneSets batch by batch" \
      org.opencontainers.image.source="https://github.com/slipway-dev/slipway" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /slipway /slipway
# A number, so that runAsNonRoot can be checked without a user database. Nothing is written: the root can be read-only.
USER 65532:65532
ENTRYPOINT ["/slipway"]
CMD ["fn"]
