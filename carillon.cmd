@echo off
node "%~dp0bootstrap\run.mjs" carillon %*
