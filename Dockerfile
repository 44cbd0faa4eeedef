# Three images:
#   docker build --target cpu -t thinkimg-rpc:cpu .      the CPU tools, no PyTorch
#   docker build --target slim -t thinkimg-rpc:slim .    and the model backends, with CUDA;
#                                                        weights are mounted at /weights
#   docker build --target full -t thinkimg-rpc:full .    slim, with the folder weights inside
# The steps are scripts in containers, so that they can be run without an engine too.

FROM debian:bookworm-slim AS system
COPY containers/system.sh /tmp/system.sh
RUN /tmp/system.sh && rm /tmp/system.sh
COPY containers/entrypoint.sh containers/mesh.toml /opt/container/
ENV PATH=/opt/thinkimg/bin:$PATH \
    THINKIMG_WEIGHTS=/weights \
    HF_HUB_OFFLINE=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /mesh
VOLUME /log
# The front door, and the workers of the image's own mesh.
EXPOSE 50051-50054
HEALTHCHECK --interval=60s --timeout=60s --start-period=60s --retries=3 \
    CMD ["thinkimg", "check"]
ENTRYPOINT ["/opt/container/entrypoint.sh"]
CMD ["serve"]

FROM system AS source
WORKDIR /src
COPY LICENSE README.md pyproject.toml ./
COPY thinkimg_rpc thinkimg_rpc
COPY workers workers
COPY agent agent
COPY eval eval
COPY train train
COPY containers/install.sh containers/

FROM source AS cpu-packages
RUN PIP_NO_CACHE_DIR=1 containers/install.sh cpu /opt/thinkimg

FROM source AS slim-packages
RUN PIP_NO_CACHE_DIR=1 containers/install.sh slim /opt/thinkimg

FROM system AS cpu
COPY --from=cpu-packages /opt/thinkimg /opt/thinkimg
USER 10001:10001

FROM system AS slim
COPY --from=slim-packages /opt/thinkimg /opt/thinkimg
# What NVIDIA's container runtime hands in.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001

FROM slim AS full
COPY weights /weights
