# Builds the same image as `make image`, which needs no container engine: a static
# binary without a shell that runs as an unprivileged user.
#
#     docker build --build-arg VERSION=v1.0.0 -t autowebinar:v1.0.0 .
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY .ci/pack/go.mod .ci/pack/go.sum .ci/pack/
RUN go mod download && go -C .ci/pack mod download
COPY . .
ARG VERSION=dev
ARG SOURCE_DATE_EPOCH=0
ARG TARGETOS=linux
ARG TARGETARCH=amd64
RUN go -C .ci/pack run . -version "$VERSION" -platforms "$TARGETOS/$TARGETARCH" -out /rootfs rootfs

FROM scratch
ARG VERSION=dev
LABEL org.opencontainers.image.title="autowebinar" \
      org.opencontainers.image.description="Auto-webinars for WordPress: sessions in user meta, events as signed webhooks" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /rootfs /
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s CMD ["/autowebinar", "health"]
ENTRYPOINT ["/autowebinar"]
CMD ["serve"]
