# The book, built: docker build -t margin-book . && docker run -p 8000:8000 margin-book, then open http://localhost:8000
# To train in it with --workers give it shared memory, of which Docker's own 64 MB hold few batches: docker run --shm-size 2g
FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends git make && rm -rf /var/lib/apt/lists/*
WORKDIR /margin-book
COPY . .
RUN make book
EXPOSE 8000
CMD [".venv/bin/python", "-m", "http.server", "8000", "--directory", "_build/html"]
