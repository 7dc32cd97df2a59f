module github.com/tidemark-io/tidemark/tools/repocheck

go 1.26.0

require golang.org/x/mod v0.37.0
