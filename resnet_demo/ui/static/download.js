// Downloads whatever file Python names: the body of a function of (element, trigger, props, server, upload, watch).

watch(["value"], () => {
    if (!props.value) return;
    const link = document.createElement("a");
    link.href = `gradio_api/file=${props.value.path.split("/").map(encodeURIComponent).join("/")}`;
    link.download = props.value.path.split("/").pop();
    link.click();
});
