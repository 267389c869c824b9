// Package view renders plans and drift: for a terminal, as markdown for a pull
// request, and as JSON. Start with [Plan], which shows how a terminal page is
// built from folded groups of like actions; the others follow it.
//
// Rendering is pure: a view takes values, a width and a colour profile, and
// asks neither the environment nor a clock. Ages are relative to the plan's
// time, and times are in its zone. Whatever comes from outside, names above
// all, is written by way of escape.go or markdowntext.go, so that no name can
// move the cursor, reverse the text, or become markup.
package view
