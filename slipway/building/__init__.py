"""From a bento's folder to an image by digest: train, gate, `bentoml build`, `bentoml containerize`."""
