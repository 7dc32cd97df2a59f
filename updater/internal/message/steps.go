// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package message

import "text/template/parse"

// stepName is the function that every turn of a loop and every call of a
// template calls, so that loops that neither print nor call anything end, too.
const stepName = "tidemarkStep"

// walker goes over parsed templates: it puts a step into each body, and notes
// which template calls which.
type walker struct{ calls map[string][]string }

// template goes over one template.
func (w walker) template(tree *parse.Tree) {
	w.body(tree, tree.Root)
}

// body puts a step at the beginning of a template or of a loop's body.
func (w walker) body(tree *parse.Tree, list *parse.ListNode) {
	w.list(tree, list)
	list.Nodes = append([]parse.Node{step(tree)}, list.Nodes...)
}

// list looks for loops and calls.
func (w walker) list(tree *parse.Tree, list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.RangeNode:
			w.body(tree, n.List)
			w.list(tree, n.ElseList)
		case *parse.IfNode:
			w.list(tree, n.List)
			w.list(tree, n.ElseList)
		case *parse.WithNode:
			w.list(tree, n.List)
			w.list(tree, n.ElseList)
		case *parse.TemplateNode:
			w.calls[tree.Name] = append(w.calls[tree.Name], n.Name)
		}
	}
}

// cycle returns a template that calls itself, through others or not.
func (w walker) cycle() (string, bool) {
	const walking, walked = 1, 2
	state := make(map[string]int)
	var visit func(name string) (string, bool)
	visit = func(name string) (string, bool) {
		if state[name] != 0 {
			return name, state[name] == walking
		}
		state[name] = walking
		for _, callee := range w.calls[name] {
			if found, ok := visit(callee); ok {
				return found, true
			}
		}
		state[name] = walked
		return "", false
	}
	for name := range w.calls {
		if found, ok := visit(name); ok {
			return found, true
		}
	}
	return "", false
}

// step makes the node that calls the counting function.
func step(tree *parse.Tree) parse.Node {
	call := &parse.CommandNode{NodeType: parse.NodeCommand, Args: []parse.Node{
		parse.NewIdentifier(stepName).SetTree(tree),
	}}
	pipe := &parse.PipeNode{NodeType: parse.NodePipe, Line: 1, Cmds: []*parse.CommandNode{call}}
	return &parse.ActionNode{NodeType: parse.NodeAction, Line: 1, Pipe: pipe}
}
